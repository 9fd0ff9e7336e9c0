/** Round numbers from at most `least` to at least `most`, about `count` of them. */
export function ticksOf(least: number, most: number, count: number): number[] {
  const span = most > least ? most - least : 1;
  const rough = span / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5].find((factor) => factor * magnitude >= rough) ?? 10) * magnitude;
  const first = Math.floor(least / step);
  const last = Math.max(first + 1, Math.ceil(most / step));
  // Multiplied rather than added up, so that 0.3 does not become 0.30000000000000004.
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

interface Placed {
  readonly labelX: number;
  readonly labelY: number;
  readonly anchor: 'start' | 'end' | 'middle';
}

/** Height of a line of labels, and width of a letter, in the chart's own units. */
const LINE = 11;
const LETTER = 5.6;

/** A place for the name of each point where it covers no other name or point; the last resort is to its right. */
export function placeLabels<T extends { readonly x: number; readonly y: number; readonly label: string }>(
  points: readonly T[],
  area: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number },
  letterWidth = LETTER,
): (T & Placed)[] {
  interface Box {
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
  }
  const dots = points.map(({ x, y }): Box => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
  const taken: Box[] = [];
  const meets = (one: Box, other: Box): boolean =>
    one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
  return points.map((point, index) => {
    const width = point.label.length * letterWidth;
    const place = (anchor: Placed['anchor'], labelX: number, labelY: number) => {
      const left = anchor === 'start' ? labelX : anchor === 'end' ? labelX - width : labelX - width / 2;
      return { anchor, labelX, labelY, box: { left, right: left + width, top: labelY - LINE + 2, bottom: labelY + 2 } };
    };
    const right = place('start', point.x + 8, point.y + 3.5);
    const others = [
      place('middle', point.x, point.y - 8),
      place('end', point.x - 8, point.y + 3.5),
      place('middle', point.x, point.y + 15),
      place('start', point.x + 8, point.y - 7),
      place('start', point.x + 8, point.y + 14),
      place('end', point.x - 7, point.y + 12),
      place('end', point.x - 7, point.y - 6),
      place('middle', point.x, point.y + 24),
      place('middle', point.x, point.y - 19),
    ];
    const isFree = ({ box }: { readonly box: Box }): boolean =>
      box.left >= area.left &&
      box.right <= area.right &&
      box.top >= area.top &&
      box.bottom <= area.bottom &&
      !taken.some((other) => meets(box, other)) &&
      !dots.some((dot, at) => at !== index && meets(box, dot));
    const { box, ...placed } = [right, ...others].find(isFree) ?? right;
    taken.push(box);
    return { ...point, ...placed };
  });
}
