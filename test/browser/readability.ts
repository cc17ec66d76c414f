/** How a page's text can be read: its contrast (WCAG 2.2, 1.4.3) and its size. */
import type { Page } from "playwright-core";

export interface ShownText {
  readonly text: string;
  /** Of the text to what is behind it: 1 (none) to 21. */
  readonly contrast: number;
  /** In CSS pixels. */
  readonly size: number;
  readonly element: string;
}

/** Every piece of text that is shown, once for each look. */
export function shownText(page: Page): Promise<ShownText[]> {
  return page.evaluate(() => {
    type Colour = [red: number, green: number, blue: number, alpha: number];

    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const colours = new Map<string, Colour>();
    /** Any CSS colour, as it is painted. */
    function parse(css: string): Colour {
      const known = colours.get(css);
      if (known !== undefined || canvas === null) return known ?? [0, 0, 0, 0];
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = css;
      canvas.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
      const colour: Colour = [red, green, blue, alpha / 255];
      colours.set(css, colour);
      return colour;
    }

    function over([red, green, blue, alpha]: Colour, under: Colour): Colour {
      const mix = (top: number, bottom: number) => top * alpha + bottom * (1 - alpha);
      return [mix(red, under[0]), mix(green, under[1]), mix(blue, under[2]), 1];
    }

    const grounds = new Map<Element, Colour>();
    /** What is painted behind and in the element, from the page's ground up. */
    function ground(element: Element | null): Colour {
      if (element === null) return parse("Canvas");
      const known = grounds.get(element);
      if (known !== undefined) return known;
      const colour = over(parse(getComputedStyle(element).backgroundColor), ground(element.parentElement));
      grounds.set(element, colour);
      return colour;
    }

    function luminance([red, green, blue]: Colour): number {
      const linear = (value: number) =>
        value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
      return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    }

    function contrastOf(element: Element): number {
      const [red, green, blue, alpha] = parse(getComputedStyle(element).color);
      let opacity = alpha;
      for (let at: Element | null = element; at !== null; at = at.parentElement) {
        opacity *= Number(getComputedStyle(at).opacity);
      }
      const behind = ground(element);
      const [one, other] = [luminance(over([red, green, blue, opacity], behind)), luminance(behind)];
      return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    }

    const found = new Map<string, ShownText>();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const element = node.parentElement;
      const text = node.textContent?.trim() ?? "";
      if (element === null || text === "" || /^(script|style|noscript)$/i.test(element.tagName)) continue;
      if (!element.checkVisibility({ visibilityProperty: true })) continue;
      const contrast = Math.round(contrastOf(element) * 100) / 100;
      const size = Number.parseFloat(getComputedStyle(element).fontSize);
      const name = `${element.parentElement?.className} > ${element.tagName.toLowerCase()}.${element.className}`;
      const look = `${name} ${contrast} ${size}`;
      if (!found.has(look)) found.set(look, { text: text.slice(0, 40), contrast, size, element: name });
    }
    return [...found.values()];
  });
}
