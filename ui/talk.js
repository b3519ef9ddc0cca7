// The keys of a talk: a presenter's remote sends PageDown and PageUp; F begins a talk, Escape ends it. And on every page
// the usual ones for undo and redo, which the browser's history is.

const FORWARD = ["PageDown", "ArrowRight", " ", "Enter"];
const BACK = ["PageUp", "ArrowLeft", "Backspace"];

export default function ({ parentElement }) {
  const page = parentElement.ownerDocument;
  const press = event => {
    if (event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.("input:not([type=range]), textarea, select, [contenteditable=true], [role=application]")) return;
    if (event.ctrlKey || event.metaKey) {
      const key = event.key.toLowerCase();
      const redo = key === "y" || (key === "z" && event.shiftKey);
      if (!redo && key !== "z") return;
      event.preventDefault();
      // Undo never leads out of the app.
      if (redo) history.forward();
      else if (globalThis.navigation?.canGoBack ?? true) history.back();
      return;
    }
    const button = name => page.querySelector(`.st-key-talk-${name} button:not([disabled])`);
    const within = event.target.closest?.("button, [role=slider], [role=radio], [role=combobox], a");
    const wanted = FORWARD.includes(event.key)
      ? "next"
      : BACK.includes(event.key)
        ? "back"
        : { Escape: "leave", f: "begin", F: "begin" }[event.key];
    // What has the focus keeps its own keys; a remote's are always the talk's.
    if (!wanted || (within && !["PageDown", "PageUp", "Escape", "f", "F"].includes(event.key))) return;
    const found = button(wanted);
    if (!found) return;
    event.preventDefault();
    page.activeElement?.blur();
    found.click();
  };
  page.addEventListener("keydown", press, true);
  return () => page.removeEventListener("keydown", press, true);
}
