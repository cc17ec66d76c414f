/** A plot as SVG: a point for each figure, with its least and greatest, in the colours of the page that shows it. */
import type { Figure } from "./figures.ts";

export interface Plot {
  readonly file: string;
  readonly title: string;
  /** Labels for the figures' `at` and their medians. */
  readonly x: string;
  readonly y: string;
}

const [width, height] = [560, 300];
const [left, right, top, bottom] = [70, width - 30, 50, height - 55];

const escaped = (text: string) => text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);

/** The next number that is 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((factor) => factor * power >= value) ?? 10);
}

/** `at` has a logarithmic scale, the medians a linear one from zero. */
export function drawPlot({ title, x, y }: Plot, figures: readonly Figure[]): string {
  const points = figures.filter((figure) => figure.at !== undefined) as (Figure & { at: number })[];
  const [first, last] = [Math.min, Math.max].map((end) => Math.log(end(...points.map(({ at }) => at)))) as [
    number,
    number,
  ];
  const most = roundUp(Math.max(...points.map(({ greatest }) => greatest)));
  const across = (at: number) => left + 30 + ((Math.log(at) - first) / (last - first)) * (right - left - 60);
  const up = (value: number) => bottom - (value / most) * (bottom - top);
  const text = (x: number, y: number, anchor: string, content: string) =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(content)}</text>`;
  const line = (style: string, x1: number, y1: number, x2: number, y2: number) =>
    `<path class="${style}" d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}"/>`;
  const marks = [0, 0.25, 0.5, 0.75, 1].map((part) => part * most);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>${escaped(title)}</title>
<style>
text { font: 13px sans-serif; fill: #1f2328 }
path { stroke: #0969da; fill: none; stroke-width: 2 }
circle { fill: #0969da }
path.grid { stroke: #d1d9e0; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } path { stroke: #4493f8 } circle { fill: #4493f8 } path.grid { stroke: #3d444d }
}
</style>
${text(left, 20, "start", title)}
${text(left, 38, "start", y)}
${text((left + right) / 2, height - 12, "middle", x)}
${marks
  .map(
    (value) =>
      line("grid", left, up(value), right, up(value)) +
      text(left - 8, up(value) + 4, "end", value.toLocaleString("en")),
  )
  .join("\n")}
<path d="M${points.map(({ at, median }) => `${across(at).toFixed(1)} ${up(median).toFixed(1)}`).join("L")}"/>
${points
  .map(
    ({ at, median, least, greatest }) =>
      line("spread", across(at), up(least), across(at), up(greatest)) +
      `<circle cx="${across(at).toFixed(1)}" cy="${up(median).toFixed(1)}" r="4"/>` +
      text(across(at), bottom + 20, "middle", at.toLocaleString("en")),
  )
  .join("\n")}
</svg>
`;
}
