"""Files in the shapes in which S-DoT is published, and what has to stand in the database after each."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from city.reading import float32

KST = timedelta(hours=9)
Values = Mapping[str, float | None]


@dataclass(frozen=True)
class Case:
    """A file."""

    name: str
    layout: str
    text: str
    #: (serial, local time) → metric → value; metrics that are not named are null
    readings: Mapping[tuple[str, str], Values]
    encoding: str = "cp949"
    #: serial → (district, kind, model)
    about: Mapping[str, tuple[str | None, str | None, str | None]] = field(default_factory=dict)
    #: rows that were replaced by others of the file, or were replaced before they came
    replaced: int = 0

    def save(self, folder: Path) -> Path:
        """The file in a folder; a name that ends in .gz is packed."""
        path = folder / self.name
        data = self.text.encode(self.encoding)
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
        return path

    @property
    def expected(self) -> dict[tuple[str, datetime], dict[str, float]]:
        """(serial, UTC) → metric → value as float32 gives it back, without nulls."""
        return {
            (serial, utc(time)): {key: float32(value) for key, value in values.items() if value is not None}
            for (serial, time), values in self.readings.items()
        }

    def __str__(self) -> str:
        return self.name


def utc(local: str) -> datetime:
    """Seoul's time on the wall in UTC."""
    return datetime.fromisoformat(local).replace(tzinfo=UTC) - KST


def csv(header: Sequence[str], *rows: Sequence[object], end: str = "\n") -> str:
    """A header and rows."""
    return "".join(",".join(map(str, row)) + end for row in (header, *rows))


PACKET = [
    "모델명",
    "시리얼",
    "미세먼지2.5(초미세먼지) (㎍/㎥)",
    "미세먼지10(미세먼지) (㎍/㎥)",
    "기온 (℃)",
    "상대습도 (%)",
    "풍향 (m/s)",
    "풍속 (m/s)",
    "돌풍 풍향 (m/s)",
    "돌풍 풍속 (m/s)",
    "조도 (lux)",
    "자외선 (UV)",
    "소음 (dB )",
    "진동(x) (mm/s)",
    "진동(y) (mm/s)",
    "진동(z) (mm/s)",
    "진동(x) 최대 (mm/s)",
    "진동(y) 최대 (mm/s)",
    "진동(z) 최대 (mm/s)",
    "흑구 온도 (℃)",
    "pm25 보정 (㎍/㎥)",
    "pm10 보정 (㎍/㎥)",
    "측정시간",
    "등록 일시",
]
#: What a zero means in a packet: in range for these, no measurement for the others.
ZEROS = dict.fromkeys(
    ["gust_direction", "gust_speed", "illuminance", "uv", "vibration_x", "vibration_y", "vibration_z",
     "vibration_x_max", "vibration_y_max", "vibration_z_max"], 0.0,
)  # fmt: skip


def packet(
    serial: str,
    pm25: str,
    pm10: str,
    humidity: str,
    noise: str,
    corrected: str,
    time: str = "202002162359",
    registered: str = "2020-02-16 23:59:16",
) -> list[str]:
    """A record of 2020, all else zero-filled."""
    zeros = ["0000"] * 4 + ["000000", "000"]
    more = ["0000"] * 6 + ["0000"]
    return [
        "SDOT001",
        serial,
        pm25,
        pm10,
        "0000",
        humidity,
        *zeros,
        noise,
        *more,
        *corrected.split("/"),
        time,
        registered,
    ]


def _record(
    pm25: float, pm10: float, humidity: float, noise: float | None, corrected: tuple[float, float]
) -> Values:
    known = {"pm25": pm25, "pm10": pm10, "humidity": humidity, "noise": noise}
    return {**ZEROS, **known, "pm25_corrected": corrected[0], "pm10_corrected": corrected[1]}


#: Every field of the packet at work: 23.4 °C, 359.9°, 12.3 m/s …
WHOLE = [
    "SDOT001",
    "V02Q1940118",
    "0021",
    "0040",
    "1234",
    "045",
    "3599",
    "0123",
    "0000",
    "0201",
    "012345",
    "108",
    "55",
    "0001",
    "0002",
    "0103",
    "0010",
    "0020",
    "0110",
    "1301",
    "1501",
    "xxxx",
    "202002162358",
    "2020-02-16 23:58:18",
]
WHOLE_VALUES: Values = {
    "pm25": 21, "pm10": 40, "temperature": 23.4, "humidity": 45, "wind_direction": 359.9, "wind_speed": 12.3,
    "gust_direction": 0, "gust_speed": 20.1, "illuminance": 12345, "uv": 10.8, "noise": 55, "vibration_x": 0.01,
    "vibration_y": 0.02, "vibration_z": 1.03, "vibration_x_max": 0.1, "vibration_y_max": 0.2, "vibration_z_max": 1.1,
    "black_globe": 30.1, "pm25_corrected": None, "pm10_corrected": None,
}  # fmt: skip

#: The records that the packets' own repository shows.
FIVE = [
    packet("V02Q1940536", "0083", "0095", "058", "48", "0023/0038", registered="2020-02-16 23:59:16"),
    packet("V02Q1940118", "0019", "0023", "062", "48", "0019/0040", registered="2020-02-16 23:59:18"),
    packet("V02Q1940834", "0009", "0015", "057", "00", "0017/0029", registered="2020-02-16 23:59:18"),
    packet("V02Q1940478", "0015", "0019", "058", "45", "0022/0038", registered="2020-02-16 23:59:19"),
    packet("V02Q1940837", "0026", "0030", "062", "50", "0019/0036", registered="2020-02-16 23:59:20"),
]
FIVE_READINGS: Mapping[tuple[str, str], Values] = {
    ("V02Q1940536", "2020-02-16T23:59"): _record(83, 95, 58, 48, (23, 38)),
    ("V02Q1940118", "2020-02-16T23:59"): _record(19, 23, 62, 48, (19, 40)),
    ("V02Q1940834", "2020-02-16T23:59"): _record(9, 15, 57, None, (17, 29)),
    ("V02Q1940478", "2020-02-16T23:59"): _record(15, 19, 58, 45, (22, 38)),
    ("V02Q1940837", "2020-02-16T23:59"): _record(26, 30, 62, 50, (19, 36)),
}
MODEL = {row[1]: (None, None, "SDOT001") for row in FIVE}

ALLDATA = Case(
    "ALLDATA_20200216.csv", "sdot-2min", csv(PACKET, *FIVE, WHOLE),
    {**FIVE_READINGS, ("V02Q1940118", "2020-02-16T23:58"): WHOLE_VALUES}, about=MODEL,
)  # fmt: skip
#: The same record registered again, later and then, out of turn, earlier; packed, in UTF-8, with Windows' line ends.
PUBDATA = Case(
    "PUBDATA_20200216.csv.gz", "sdot-2min",
    csv(
        PACKET, FIVE[0],
        packet("V02Q1940536", "0084", "0095", "058", "48", "0023/0038", registered="2020-02-16 23:59:50"),
        packet("V02Q1940536", "0001", "0001", "058", "48", "0023/0038", registered="2020-02-16 23:59:10.0"),
        packet("V02Q1940118", "0019", "0023", "062", "48", "0019/0040", time="202002162400", registered=""),
        end="\r\n",
    ),
    {("V02Q1940536", "2020-02-16T23:59"): _record(84, 95, 58, 48, (23, 38)),
     ("V02Q1940118", "2020-02-17T00:00"): _record(19, 23, 62, 48, (19, 40))},
    encoding="utf-8", replaced=2,
)  # fmt: skip

HOURLY_HEADER = [
    "시리얼",
    "date",
    "hour",
    "초미세먼지 (㎍/㎥)",
    "미세먼지 (㎍/㎥)",
    "기온 (℃)",
    "상대습도 (%)",
    "풍향 (°)",
    "풍속 (m/s)",
    "돌풍 풍향 (°)",
    "돌풍 풍속 (m/s)",
    "조도 (lux)",
    "자외선 (UVI)",
    "소음 (dB)",
    "진동(x) (g)",
    "진동(y) (g)",
    "진동(z) (g)",
    "진동(x) 최대 (g)",
    "진동(y) 최대 (g)",
    "진동(z) 최대 (g)",
    "흑구 온도 (℃)",
    "미세먼지 보정 (㎍/㎥)",
    "초미세먼지 보정 (㎍/㎥)",
]
HOURLY_KEYS = [
    "pm25",
    "pm10",
    "temperature",
    "humidity",
    "wind_direction",
    "wind_speed",
    "gust_direction",
    "gust_speed",
    "illuminance",
    "uv",
    "noise",
    "vibration_x",
    "vibration_y",
    "vibration_z",
    "vibration_x_max",
    "vibration_y_max",
    "vibration_z_max",
    "black_globe",
    "pm10_corrected",
    "pm25_corrected",
]
_MEANS = [
    [7.9, 12.13333333, 19.39664, 70.7, 0, 0, 0, 0, 2, 2, 43.86666667, 0.011, 0.047, 1.028333333, 0.07, 0.11, 1.09, 5,
     24.26666667, 15.8],
    [9.4, 13.9, -0.5, 71.6, 0, 0, 0, 0, 2, 108.8, 0, 0.011, 0.045, 1.02, 0.07, 0.11, 1.09, 5, -88.2, -98],
]  # fmt: skip
HOURLY = Case(
    "20200501.csv", "sdot-hourly",
    csv(HOURLY_HEADER, ["V02Q1940043", "2020.5.1", 0, *_MEANS[0]], ["V02Q1940043", "2020.5.1", 23, *_MEANS[1]],
        ["V02Q1940044", "2020.12.31", 24, *["", *_MEANS[0][1:]]]),
    {("V02Q1940043", "2020-05-01T00:00"): dict(zip(HOURLY_KEYS, _MEANS[0], strict=True)),
     ("V02Q1940043", "2020-05-01T23:00"): dict(zip(HOURLY_KEYS, _MEANS[1], strict=True)),
     ("V02Q1940044", "2021-01-01T00:00"): dict(zip(HOURLY_KEYS, [None, *_MEANS[0][1:]], strict=True))},
)  # fmt: skip

_STEMS = [
    "TEMP",
    "HUMI",
    "WIND_SPEED",
    "WIND_DIRE",
    "INTE_ILLU",
    "ULTRA_RAYS",
    "NOISE",
    "VIBR_X",
    "VIBR_Y",
    "VIBR_Z",
    "EFFE_TEMP",
    "NO2",
    "CO",
    "SO2",
    "NH3",
    "H2S",
    "O3",
]
_NATURE_KEYS = dict(
    zip(
        _STEMS,
        [
            "temperature",
            "humidity",
            "wind_speed",
            "wind_direction",
            "illuminance",
            "uv",
            "noise",
            "vibration_x",
            "vibration_y",
            "vibration_z",
            "black_globe",
            "no2",
            "co",
            "so2",
            "nh3",
            "h2s",
            "o3",
        ],
        strict=True,
    )
)
_PLACE = ["REGION", "AUTONOMOUS_DISTRICT", "ADMINISTRATIVE_DISTRICT"]


def nature_header(serial: str) -> list[str]:
    """The columns of the environment by the hour."""
    values = [f"{part}_{stem}" for stem in _STEMS for part in ("MIN", "AVG", "MAX")]
    return ["MODEL", serial, "SENSING_TIME", *_PLACE, *values, "DATE", "DATA_NO"]


def nature(
    serial: str, time: str, district: str, values: Mapping[str, float], registered: str, number: int | str
) -> list[object]:
    """A row: MIN and MAX stand one beside the mean; what is not given is empty."""
    cells: list[object] = []
    for stem in _STEMS:
        mean = values.get(stem)
        cells += ["", "", ""] if mean is None else [mean - 1, mean, mean + 1]
    return ["SDOT001", serial, time, "main_street", district, "Sogong-dong", *cells, registered, number]


def natural(values: Mapping[str, float]) -> Values:
    """The metrics of a row."""
    known = {_NATURE_KEYS[stem]: value for stem, value in values.items()}
    peaks = {
        f"vibration_{axis}_max": values[f"VIBR_{axis.upper()}"] + 1
        for axis in "xyz"
        if f"VIBR_{axis.upper()}" in values
    }
    return {**known, **peaks}


LIVE = {"TEMP": 21.5, "HUMI": 60, "NOISE": 55, "VIBR_Z": 1.02, "NO2": 0.021}
FINAL = {"TEMP": 21.9, "HUMI": 61, "VIBR_Z": 1.02, "NO2": 0.02}
LATER = {"TEMP": 22.0, "HUMI": 61, "VIBR_Z": 1.02, "NO2": 0.02}
_A = "OC3CL200010"
_B = "OC3CL200011"

#: The old columns, with the live row first, and the corrected one again, later.
NATURE_OLD = Case(
    "S-DoT_NATURE_2022.10.03-10.09.csv", "sdot-nature",
    csv(
        nature_header("SN"),
        nature(_A, "2022-10-03_01:00:00", "Jung-gu", LIVE, "2022-10-03 02:10:00", 1),
        nature(_A, "2022-10-03_01:00:00", "Jung-gu", FINAL, "2022-10-04 02:10:00", 2),
        nature(_A, "2022-10-03_01:00:00", "Jung-gu", LATER, "2022-10-05 02:10:00.0", 2),
        nature(_B, "2022-10-03_24:00:00", "Gangnam-gu", LIVE, "2022-10-04 0:10", 1),
    ),
    {(_A, "2022-10-03T01:00"): natural(LATER), (_B, "2022-10-04T00:00"): natural(LIVE)},
    about={_A: ("jung-gu", "main_street", "SDOT001"), _B: ("gangnam-gu", "main_street", "SDOT001")}, replaced=2,
)  # fmt: skip
#: The new ones, in UTF-8 with a mark; the corrected row comes first, the live one was registered after it.
NATURE_NEW = Case(
    "S-DoT_NATURE_2026.09.21-09.27.csv", "sdot-nature",
    csv(
        nature_header("SERIAL"),
        nature(_A, "2026-09-21 01:00:00", "중구", FINAL, "2026-09-22 02:10:00", 2),
        nature(_A, "2026-09-21 01:00:00", "중구", LIVE, "2026-09-23 02:10:00", 1),
        nature(_B, "202609210200", "강남구", {"O3": 0.031, "TEMP": -3.5}, "", ""),
    ),
    {(_A, "2026-09-21T01:00"): natural(FINAL), (_B, "2026-09-21T02:00"): {"o3": 0.031, "temperature": -3.5}},
    encoding="utf-8-sig", replaced=1,
    about={_A: ("jung-gu", "main_street", "SDOT001"), _B: ("gangnam-gu", "main_street", "SDOT001")},
)  # fmt: skip
#: Korean names, and rows with empty cells behind the last column.
NATURE_KOREAN = Case(
    "S-DoT_NATURE_2025.07.28-08.03.csv", "sdot-nature",
    csv(
        ["모델번호", "시리얼", "측정시간", "지역", "자치구", "행정동", "온도 평균(℃)", "습도 평균(%)", "소음 평균(dB)", "등록일시"],
        ["SDOT001", _A, "2025-07-28_01:00:00", "parks", "Seongdong-gu", "Majang-dong", 29.1, 80, 51,
         "2025-07-28 01:08:21", "", "", ""],
        ["SDOT001", _A, "2025-07-28_02:00:00", "parks", "Seongdong-gu", "Majang-dong", 28.7, "", 50,
         "2025-07-28 02:08:21", "", "", ""],
    ),
    {(_A, "2025-07-28T01:00"): {"temperature": 29.1, "humidity": 80, "noise": 51},
     (_A, "2025-07-28T02:00"): {"temperature": 28.7, "noise": 50}},
    about={_A: ("seongdong-gu", "parks", "SDOT001")},
)  # fmt: skip

_WALKER = "00000002993"
WALK_OLD = Case(
    "S-DoT_WALK_2024.06.03-06.09.csv", "sdot-walk",
    csv(
        ["모델번호", "시리얼", "측정시간", "지역", "자치구", "행정동", "방문자수", "등록일"],
        ["SDOT003", _WALKER, "2024-06-03 0:00", "traditional_markets", "Jongno-gu", "Ihwa-dong", 12, "2024-06-03 0:01"],
        ["SDOT003", _WALKER, "2024-06-03 0:00", "traditional_markets", "Jongno-gu", "Ihwa-dong", 15, "2024-06-03 0:07"],
        ["SDOT003", 2994, "202406030010", "traditional_markets", "종로구", "", 0, "2024-06-03 0:11"],
    ),
    {(_WALKER, "2024-06-03T00:00"): {"visitors": 15}, ("00000002994", "2024-06-03T00:10"): {"visitors": 0}},
    about={_WALKER: ("jongno-gu", "traditional_markets", "SDOT003")}, replaced=1,
)  # fmt: skip
WALK_NEW = Case(
    "S-DoT_WALK_2026.09.21-09.27.csv", "sdot-walk",
    csv(
        ["MODEL", "SERIAL", "SENSING_TIME", *_PLACE, "VISITOR_COUNT", "REG_DTTM"],
        ["SDOT003", _WALKER, "2026-09-23_23:50:00", "parks", "11680", "", 4, "2026-09-27 13:58:01.0"],
        ["SDOT003", _WALKER, "2026-09-23_23:50:00", "parks", "11680", "", 3, "2026-09-23 23:58:04"],
        ["SDOT003", _WALKER, "2026-09-23_24:00:00", "parks", "11680", "", "", "2026-09-24 00:08:04"],
    ),
    {(_WALKER, "2026-09-23T23:50"): {"visitors": 4}, (_WALKER, "2026-09-24T00:00"): {}},
    encoding="utf-8", about={_WALKER: ("gangnam-gu", "parks", "SDOT003")}, replaced=1,
)  # fmt: skip

CASES = (ALLDATA, PUBDATA, HOURLY, NATURE_OLD, NATURE_NEW, NATURE_KOREAN, WALK_OLD, WALK_NEW)
