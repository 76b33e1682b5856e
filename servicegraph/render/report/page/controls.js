// @ts-check
// The controls apart from the diagram and the tables.

import { byId } from "./dom.js";

// copy writes a text to the clipboard, or shows the text if the browser refuses.
// title names the text.
export async function copy(text, done, title) {
  try {
    await navigator.clipboard.writeText(text);
    showToast(done);
  } catch {
    const dialog = byId("text"), area = dialog.querySelector("textarea");
    area.value = text;
    dialog.querySelector("h2").textContent = title;
    dialog.showModal();
    area.select();
  }
}

let toastTimer;

// showToast shows a message for some seconds.
export function showToast(text) {
  const toast = byId("toast");
  toast.textContent = text;
  toast.classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.classList.remove("shown"), 2500);
}

// makeResizable lets the user drag the divider to set the height of the tables.
export function makeResizable(divider, tables) {
  const set = (height) => { tables.style.height = Math.min(Math.max(height, 90), innerHeight - 160) + "px"; };
  new ResizeObserver(() => divider.setAttribute("aria-valuenow", Math.round(100 * tables.offsetHeight / innerHeight))).observe(tables);
  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    const bottom = tables.getBoundingClientRect().bottom;
    divider.onpointermove = (e) => set(bottom - e.clientY);
    divider.onpointerup = divider.onpointercancel = () => { divider.onpointermove = null; };
  });
  divider.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 24, ArrowDown: -24 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    set(tables.getBoundingClientRect().height + step);
  });
}
