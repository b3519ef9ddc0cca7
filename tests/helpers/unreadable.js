// Visible texts whose contrast with what lies behind them is below 3 : 1 (WCAG 2's formula), opacities included.
() => {
  const linear = v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = rgb => rgb.reduce((sum, v, i) => sum + linear(v / 255) * [0.2126, 0.7152, 0.0722][i], 0);
  const parse = text => {
    const numbers = text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    return numbers.length > 3 ? numbers : [...numbers, 1];
  };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3]));
  const wrong = [];
  const walker = document.createTreeWalker(document.querySelector(".stApp"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility({ opacityProperty: true })) continue;
    // A slider's value lies in its thumb for the document, but above it, on the page, for the eye.
    // The numbers on the shuffle's tiles lie on SVG squares; their contrast is a matter of the tokens' test.
    if (element.closest("style, .st-key-moves .textpoint, .katex-mathml, [data-testid=stSliderThumbValue]")) continue;
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const chain = [];
    for (let e = element; e; e = e.parentElement) chain.push(getComputedStyle(e));
    let behind = [255, 255, 255];
    for (const style of [...chain].reverse()) behind = over(parse(style.backgroundColor), behind);
    const color = parse(element.closest("svg") ? chain[0].fill : chain[0].color);
    color[3] *= chain.reduce((product, style) => product * Number(style.opacity), 1);
    const [light, dark] = [luminance(over(color, behind)), luminance(behind)].sort((x, y) => y - x);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 3) wrong.push(`${text.slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return wrong;
}
