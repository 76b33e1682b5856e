// @ts-check
// The elements of the page.

// make returns a new element. A string becomes text, never markup, because names come
// from traces and are untrusted.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((c) => c != null && c !== false));
  return element;
}

const svgNamespace = "http://www.w3.org/2000/svg";

// makeSVG returns a new element of SVG.
export function makeSVG(tag, attributes = {}, ...children) {
  const element = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
  element.append(...children.filter((c) => c != null));
  return element;
}

// fonts are the fonts of the text in diagrams.
export const fonts = "Go, Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif";

let canvas = null;

// textWidth returns the width of a text in pixels, in a font in the notation of style sheets. It
// returns 0 if the browser has no canvas. textWidth is much faster than a measurement in the
// document, which needs the layout of the page.
export function textWidth(text, font) {
  canvas ??= document.createElement("canvas").getContext("2d");
  if (!canvas) return 0;
  canvas.font = font;
  return canvas.measureText(text).width;
}

// byId returns the element of the page with an id. The prefix keeps the ids apart from those
// in the diagram.
/** @type {(id: string) => any} */
export const byId = (id) => document.getElementById("page-" + id);

export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
