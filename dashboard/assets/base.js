// Describe what a region should look like, and change only what differs: no flicker, focus stays where it is.
// Its name makes it the first script of the page; all others may use it while they load.
"use strict";
(() => {
  const sdot = (window.sdot = window.sdot || {});
  const SVG = "http://www.w3.org/2000/svg";
  const HTML = "http://www.w3.org/1999/xhtml";

  // One wanted element. Kids: elements, texts, numbers, nested arrays; null, undefined and false are left out.
  const h = (tag, attrs, ...kids) => ({
    tag,
    attrs: attrs || {},
    kids: kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false),
  });

  const isText = (wanted) => typeof wanted !== "object";

  function create(wanted, parent) {
    if (isText(wanted)) return document.createTextNode(String(wanted));
    const space = wanted.tag === "svg" || parent.namespaceURI === SVG ? SVG : HTML;
    const node = document.createElementNS(space, wanted.tag);
    node.sdotKey = wanted.attrs.key;
    return node;
  }

  function fits(node, wanted) {
    if (!node) return false;
    if (isText(wanted)) return node.nodeType === Node.TEXT_NODE;
    return node.localName === wanted.tag && node.sdotKey === wanted.attrs.key;
  }

  function setAttributes(node, attrs) {
    const old = node.sdotAttrs || {};
    for (const name of Object.keys(old)) {
      if (!(name in attrs) || attrs[name] === null || attrs[name] === false) node.removeAttribute(name);
    }
    for (const [name, value] of Object.entries(attrs)) {
      if (name === "key" || value === null || value === undefined || value === false) continue;
      if (old[name] !== value) node.setAttribute(name, value === true ? "" : value);
    }
    node.sdotAttrs = attrs;
  }

  function update(node, wanted) {
    if (isText(wanted)) {
      if (node.data !== String(wanted)) node.data = String(wanted);
      return;
    }
    setAttributes(node, wanted.attrs);
    if (wanted.attrs["data-at"] !== undefined) sdot.clock.write(node);
    else patch(node, wanted.kids);
    if (wanted.tag === "select" && node.value !== wanted.attrs.value) node.value = wanted.attrs.value;
  }

  // Newer browsers move a node without taking its focus.
  function place(parent, node, before) {
    if (node.parentNode === parent && parent.moveBefore) parent.moveBefore(node, before);
    else parent.insertBefore(node, before);
  }

  // Make the children of `parent` what `wanted` says, reusing nodes by key, else by place.
  function patch(parent, wanted) {
    const list = Array.isArray(wanted) ? wanted : [wanted];
    const keyed = new Map();
    for (const node of parent.childNodes) if (node.sdotKey !== undefined) keyed.set(node.sdotKey, node);
    let at = parent.firstChild;
    for (const item of list) {
      const same = isText(item) || item.attrs.key === undefined ? at : keyed.get(item.attrs.key);
      const node = fits(same, item) ? same : create(item, parent);
      if (node === at) at = at.nextSibling;
      else place(parent, node, at);
      update(node, item);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  // The body of a region, by its id; nothing where the page has no such region.
  function fill(id, ...kids) {
    const node = document.getElementById(id);
    if (node) patch(node, h("div", null, ...kids).kids);
    return node;
  }

  sdot.dom = { h, patch, fill, SVG };
})();
