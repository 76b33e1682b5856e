// @ts-check
// Painting: the elements of a plan whose parts have their places, as in the images of
// package draw, so that the style sheet of the first diagram suits them.

import { fonts, makeSVG } from "./dom.js";
import { margin } from "./viewport.js";

// paint returns the diagram of a plan. css is the style sheet.
export function paint(plan, parts, css) {
  const { width, height, cards, lines } = plan;
  const svg = makeSVG("svg", { class: "tempograph", viewBox: `${-margin} ${-margin} ${width + 2 * margin} ${height + 2 * margin}`, "font-family": fonts });
  const style = makeSVG("style");
  style.textContent = css;
  svg.append(style,
    ...lines.filter((l) => (!l.folded || l.isBranch) && l.index >= 0).map((l) => paintLine(l, cards)),
    ...lines.filter((l) => l.label).map((l) => paintLabel(l, parts.fonts)),
    ...cards.filter((c) => c.host < 0 && !c.grid).map((c) => paintCard(c, parts.fonts)),
    ...lines.filter((l) => l.folded && !l.isBranch).map((l) => paintLine(l, cards)),
    ...cards.filter((c) => c.host >= 0).map((c) => paintCard(c, parts.fonts)));
  return svg;
}

const n = (v) => String(Math.round(100 * v) / 100);
const xy = (p) => n(p.x) + " " + n(p.y);

function paintLine(line, cards) {
  let d = "M" + xy(line.path[0]);
  for (let i = 1; i < line.path.length; i++) d += (i % 3 === 1 ? "C" : " ") + xy(line.path[i]);
  return makeSVG("g", { class: line.part.class, "data-edge": line.index, "data-from": cards[line.from].index, "data-to": cards[line.to].index },
    title(line.part.tip),
    makeSVG("path", { class: "line", "stroke-width": n(line.width), d }),
    makeSVG("path", { class: "head", d: `M${line.head.map(xy).join("L")}Z` }));
}

function paintLabel(line, fonts) {
  const box = line.labelBox, level = line.part.class.split(" ").pop();
  return makeSVG("g", { class: "label " + level, "data-edge": line.index },
    title(line.part.tip), rect("plate", box.x, box.y, box.w, box.h, 4), ...texts(line.label.texts, box, fonts));
}

function paintCard(card, fonts) {
  const { part, x, y, w, h } = card;
  const group = makeSVG("g", { class: part.class, "data-node": card.index },
    title(part.tip),
    part.stack ? rect("card", x + 4, y - 4, w, h, 9) : null,
    rect("card", x, y, w, h, part.r),
    ...texts(part.texts, card, fonts));
  if (part.glyph) group.append(makeSVG("path", { class: "glyph", d: part.glyph, transform: `translate(${n(x)} ${n(y)})` }));
  return group;
}

const title = (text) => (text ? makeSVG("title", {}, text) : null);
const rect = (name, x, y, w, h, r) => makeSVG("rect", { class: name, x: n(x), y: n(y), width: n(w), height: n(h), rx: r });

function texts(list, { x, y }, fonts) {
  const elements = [];
  for (let i = 0; i + 3 < list.length; i += 4) {
    const font = fonts[list[i]];
    elements.push(makeSVG("text", { class: font.class, x: n(x + list[i + 1]), y: n(y + list[i + 2]), "font-size": font.size, "font-weight": font.bold ? 700 : null }, list[i + 3]));
  }
  return elements;
}
