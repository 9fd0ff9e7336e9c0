/** What a drawing's look consists of: a picture has no style sheet of ours. */
const LOOK = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linejoin',
  'paint-order',
  'opacity',
  'font-size',
  'font-weight',
  'text-anchor',
];

/** Pixels for each unit of the drawing, so that the picture is sharp on a slide. */
const SCALE = 2;
const MARGIN = 24;
const TITLE_LINE = 26;
const NOTE_LINE = 18;
const LEGEND_LINE = 24;
const SWATCH = 9;

/**
 * A chart as it is on the screen, with a title, and with its legend and notes below it, as a PNG file. Throws where the browser cannot
 * draw it.
 * @param legend a list whose items may begin with a swatch
 */
export async function chartAsPng(svg: SVGSVGElement, title: string, legend: Element | null, notes: readonly string[]): Promise<Blob> {
  const keys = legend === null ? [] : [...legend.querySelectorAll('li')];
  const legendHeight = keys.length === 0 ? 0 : LEGEND_LINE;
  const { width: drawnWidth, height: drawnHeight } = svg.viewBox.baseVal;
  const page = getComputedStyle(document.body);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(svg, drawnWidth, drawnHeight))}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  const [width, height] = [drawnWidth + 2 * MARGIN, drawnHeight + 2 * MARGIN + TITLE_LINE + legendHeight + notes.length * NOTE_LINE];
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('no canvas');
  context.scale(SCALE, SCALE);
  context.fillStyle = page.backgroundColor;
  context.fillRect(0, 0, width, height);
  context.fillStyle = page.color;
  context.font = `600 15px ${page.fontFamily}`;
  context.fillText(title, MARGIN, MARGIN + 12, width - 2 * MARGIN);
  context.drawImage(image, MARGIN, MARGIN + TITLE_LINE, drawnWidth, drawnHeight);
  const below = MARGIN + TITLE_LINE + drawnHeight;
  context.font = `11px ${page.fontFamily}`;
  drawLegend(context, keys, below + LEGEND_LINE / 2);
  context.fillStyle = page.color;
  context.globalAlpha = 0.75;
  for (const [place, note] of notes.entries())
    context.fillText(note, MARGIN, below + legendHeight + (place + 1) * NOTE_LINE, width - 2 * MARGIN);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob === null) throw new Error('no picture');
  return blob;
}

/** The items in a row, each with the look of its swatch. */
function drawLegend(context: CanvasRenderingContext2D, keys: readonly Element[], middle: number): void {
  let x = MARGIN;
  for (const key of keys) {
    const swatch = key.querySelector('[data-look]');
    if (swatch !== null) {
      const { backgroundColor, borderTopColor, borderTopWidth, opacity } = getComputedStyle(swatch);
      context.globalAlpha = Number(opacity);
      context.beginPath();
      context.arc(x + SWATCH / 2, middle, SWATCH / 2, 0, 2 * Math.PI);
      context.fillStyle = backgroundColor;
      context.fill();
      context.strokeStyle = borderTopColor;
      // A width of zero would be taken as none given.
      const width = Number.parseFloat(borderTopWidth);
      if (width > 0) {
        context.lineWidth = width;
        context.stroke();
      }
      context.globalAlpha = 1;
      x += SWATCH + 6;
    }
    const text = key.textContent.trim();
    context.fillStyle = getComputedStyle(key).color;
    context.fillText(text, x, middle + 4);
    x += context.measureText(text).width + 18;
  }
}

/** The drawing as a file of its own, each element with the look that it has here. */
function standalone(svg: SVGSVGElement, width: number, height: number): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = [svg, ...svg.querySelectorAll('*')];
  for (const [place, element] of [copy, ...copy.querySelectorAll('*')].entries()) {
    const original = originals[place];
    if (original === undefined) continue;
    const style = getComputedStyle(original);
    element.removeAttribute('class');
    element.setAttribute('style', LOOK.map((name) => `${name}:${style.getPropertyValue(name)}`).join(';'));
  }
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  copy.style.fontFamily = 'Inter, system-ui, sans-serif';
  return new XMLSerializer().serializeToString(copy);
}
