"""Keys that name a person or a person's device; their values are never kept."""

from __future__ import annotations

import json
import re
from typing import Any

#: The one list. Compared with a key's words (split at case and punctuation) and with the key run together.
#: Identifiers after GSMA (IMSI, IMEI, MSISDN, ICCID), IEEE 802 (MAC, SSID, BSSID) and the advertising
#: identifiers of the phone makers; the rest are the plain names of personal data in Korean, Spanish and
#: Portuguese speaking cities' registers.
PERSONAL = frozenset(
    {
        "mac", "macs", "macaddr", "macaddress", "macaddresses", "bdaddr", "btaddr", "wifimac", "btmac", "clientmac",
        "imsi", "imsis", "imei", "imeis", "meid", "iccid", "msisdn", "ssid", "ssids", "bssid", "bssids",
        "phone", "phonenumber", "mobile", "mobilenumber", "msisdns", "email", "emails", "mailaddress",
        "firstname", "lastname", "surname", "fullname", "username", "personname", "personid", "passport",
        "rrn", "cpf", "curp", "dni", "cedula", "idfa", "gaid", "adid", "advertisingid",
        "plate", "plates", "licenseplate", "licenceplate", "numberplate", "faceid", "birthdate", "dateofbirth",
    }
)  # fmt: skip

_WORDS = re.compile(r"[A-Z]+s?(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NOT_ALNUM = re.compile(r"[^a-z0-9]+")
#: What may be a key in a body that is no JSON; and a quick look that spares most bodies the slow one.
_KEYS = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_ANYWHERE = re.compile("|".join(sorted(PERSONAL)))


def is_personal(key: str) -> bool:
    """Whether a key names a person or a person's device: `mac`, `wifiMac`, `client_macs`, `IMSI`."""
    if _NOT_ALNUM.sub("", key.lower()) in PERSONAL:
        return True
    return any(word.lower() in PERSONAL for word in _WORDS.findall(key))


def nulled(value: Any) -> tuple[Any, bool]:
    """A copy of a JSON value with each personal key's value null, and whether there was one."""
    if isinstance(value, dict):
        found = False
        copy: dict[Any, Any] = {}
        for key, inner in value.items():
            if isinstance(key, str) and is_personal(key):
                copy[key], found = None, found or inner is not None
            else:
                copy[key], inner_found = nulled(inner)
                found = found or inner_found
        return copy, found
    if isinstance(value, list):
        pairs = [nulled(inner) for inner in value]
        return [pair[0] for pair in pairs], any(pair[1] for pair in pairs)
    return value, False


def holds_personal(body: bytes) -> bool:
    """Whether any key of a JSON body is personal, one that an equal key after it hides included."""
    keys: set[str] = set()
    json.loads(body, object_pairs_hook=lambda pairs: keys.update(key for key, _ in pairs))
    return any(map(is_personal, keys))


def names_person(body: bytes) -> bool:
    """Whether a body that is no JSON holds such a name, in any of the forms that a key may have."""
    text = body.replace(b"\x00", b"").decode("latin-1")
    if not _ANYWHERE.search(_NOT_ALNUM.sub("", text.lower())):
        return False
    return any(map(is_personal, set(_KEYS.findall(text))))
