// The pairs of texts in a figure that lie over each other, each as "one | other".
figure => {
  const texts = [...figure.querySelectorAll("svg text")].filter(text => text.textContent.trim() && text.getBBox().width);
  const boxes = texts.map(text => text.getBoundingClientRect());
  const touch = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const pairs = [];
  boxes.forEach((a, i) => {
    for (let j = i + 1; j < boxes.length; j++) {
      if (touch(a, boxes[j])) pairs.push(`${texts[i].textContent} | ${texts[j].textContent}`);
    }
  });
  return pairs;
}
