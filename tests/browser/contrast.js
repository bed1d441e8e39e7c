// Every visible text of the page with the ratio of its colour to what it stands on (WCAG 2.2, 1.4.3).
() => {
  const parse = (text) => {
    const srgb = text.match(/^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.]+))?\)$/);
    if (srgb) {
      return [1, 2, 3].map((at) => 255 * Number(srgb[at])).concat(srgb[4] ? Number(srgb[4]) : 1);
    }
    const found = text.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/);
    if (!found) throw new Error(`a colour that is not understood: ${text}`);
    return [1, 2, 3].map((at) => Number(found[at])).concat(found[4] ? Number(found[4]) : 1);
  };
  const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3]));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => part / 255).map(
      (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  // What stands behind an element: the backgrounds of its ancestors, laid over each other.
  const behind = (element) => {
    const layers = [];
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      layers.push(parse(style.backgroundColor));
      opacity *= Number(style.opacity);
    }
    const base = matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255];
    return { colour: layers.reverse().reduce((below, top) => over(top, below), base), opacity };
  };
  const measured = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.nodeValue.trim();
    const element = node.parentElement;
    if (!text || !element || element.closest("svg, script, style, noscript, [aria-hidden=true]")) continue;
    // A slider's value hangs above its thumb, outside of what it stands in.
    if (element.closest("[data-testid=stSliderThumbValue]")) continue;
    // Texts of controls that cannot be used have no required contrast (1.4.3, incidental).
    if (element.closest(":disabled, [aria-disabled=true]")) continue;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (box.width < 2 || box.height < 2 || style.clipPath === "inset(50%)") continue;
    // Icons are letters of a font of their own.
    if (/Material/.test(style.fontFamily)) continue;
    const ground = behind(element);
    if (!ground) continue;
    const colour = parse(style.color);
    const ink = over([...colour.slice(0, 3), colour[3] * ground.opacity], ground.colour);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    measured.push({
      text: text.slice(0, 60), ratio: ratio(ink, ground.colour), least: large ? 3 : 4.5,
      ink: style.color, ground: ground.colour.map(Math.round).join(","),
    });
  }
  return measured;
}
