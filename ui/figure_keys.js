// Plotly draws a figure's own buttons as SVG, which the keyboard does not reach. Here each becomes a tab stop that
// answers to Enter and the space bar.

const BUTTONS = ".js-plotly-plot g.updatemenu-button";

export default function ({ parentElement }) {
  const page = parentElement.ownerDocument;
  const prepare = () => {
    for (const button of page.querySelectorAll(BUTTONS)) {
      if (button.getAttribute("role") === "button") continue;
      button.setAttribute("role", "button");
      button.setAttribute("tabindex", "0");
      button.setAttribute("aria-label", button.textContent.trim());
    }
  };
  const press = event => {
    const button = event.target.closest?.(BUTTONS);
    if (!button || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    button.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  };
  const changes = new MutationObserver(prepare);
  changes.observe(page.body, { childList: true, subtree: true });
  page.addEventListener("keydown", press);
  prepare();
  return () => {
    changes.disconnect();
    page.removeEventListener("keydown", press);
  };
}
