import mermaid from 'mermaid';

/** A diagram as a picture that runs and loads nothing, with its size in CSS pixels. */
export interface DrawnDiagram {
  readonly address: string;
  readonly width: number;
  readonly height: number;
}

/** More would hold up the page for seconds: the layout runs in it. */
const MAX_LETTERS = 20_000;
const MAX_EDGES = 250;
/** What Mermaid may only be told here, never by a diagram's own directives. */
const SECURE = 'secure securityLevel startOnLoad maxTextSize maxEdges suppressErrorRendering dompurifyConfig layout look'
  .concat(' fontFamily theme themeCSS themeVariables')
  .split(' ');

let drawings = 0;

/** Draw a text in Mermaid's language, in the colours of the page. Throws Mermaid's own error where it cannot be read. */
export async function drawDiagram(code: string, isDark: boolean): Promise<DrawnDiagram> {
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: 'strict',
    secure: SECURE,
    suppressErrorRendering: true,
    maxTextSize: MAX_LETTERS,
    maxEdges: MAX_EDGES,
    layout: 'dagre',
    look: 'classic',
    theme: 'base',
    // A picture has no fonts of the page.
    fontFamily: 'system-ui, sans-serif',
    themeVariables: colours(isDark),
  });
  // To be measured it has to stand in the page, out of sight.
  const place = document.createElement('div');
  place.style.cssText = 'position: absolute; top: 0; left: -100000px; width: 720px';
  place.setAttribute('aria-hidden', 'true');
  document.body.append(place);
  try {
    const { svg } = await mermaid.render(`diagram-${(drawings += 1)}`, code, place);
    return asPicture(svg);
  } finally {
    place.remove();
  }
}

/**
 * A drawing as a picture of its own: no script, link or address in it comes to anything. Mermaid's takes the width of what it stands
 * in, which a picture has not, so it is given its own.
 */
function asPicture(svg: string): DrawnDiagram {
  const root = new DOMParser().parseFromString(svg, 'text/html').querySelector('svg');
  if (root === null) throw new Error('Mermaid drew nothing.');
  const { width, height } = root.viewBox.baseVal;
  root.setAttribute('width', String(width));
  root.setAttribute('height', String(height));
  root.style.removeProperty('max-width');
  const address = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(root))}`;
  return { address, width: Math.ceil(width), height: Math.ceil(height) };
}

/** Of kinds beside each other: pieces of a pie, branches of a tree. */
const HUES = [186, 36, 130, 262, 12, 212, 330, 80];
const MAX_KINDS = 12;

/** The page's colours under the names of Mermaid's theme, which makes the others from them. */
function colours(isDark: boolean): Readonly<Record<string, string | boolean>> {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  const [text, line, strong] = [of('--text'), of('--text-2'), of('--line-strong')];
  const kinds = Array.from({ length: MAX_KINDS }, (_, index) => {
    const kind = `hsl(${HUES[index % HUES.length] ?? 0}, ${isDark ? '28%, 30%' : '45%, 82%'})`;
    return [
      [`pie${index + 1}`, kind],
      [`cScale${index}`, kind],
      [`cScaleLabel${index}`, text],
      [`cScaleInv${index}`, line],
      [`git${index}`, kind],
      [`gitInv${index}`, line],
      [`gitBranchLabel${index}`, text],
    ] as const;
  });
  return {
    // Of a dark theme Mermaid would darken the kinds as well.
    darkMode: false,
    background: of('--sunken'),
    primaryColor: of('--accent-soft'),
    primaryTextColor: text,
    primaryBorderColor: of('--accent-line'),
    secondaryColor: of('--active'),
    secondaryTextColor: text,
    secondaryBorderColor: strong,
    tertiaryColor: of('--surface'),
    tertiaryTextColor: text,
    tertiaryBorderColor: strong,
    lineColor: line,
    textColor: text,
    titleColor: text,
    edgeLabelBackground: of('--sunken'),
    gridColor: strong,
    rowOdd: of('--surface'),
    rowEven: of('--sunken'),
    sectionBkgColor: of('--surface'),
    altSectionBkgColor: of('--sunken'),
    pieStrokeColor: of('--sunken'),
    pieOuterStrokeColor: of('--sunken'),
    pieOpacity: '1',
    pieSectionTextColor: text,
    pieTitleTextColor: text,
    pieLegendTextColor: text,
    noteBkgColor: of('--warn-soft'),
    noteTextColor: text,
    noteBorderColor: of('--warn'),
    errorBkgColor: of('--danger-soft'),
    errorTextColor: of('--danger-text'),
    ...Object.fromEntries(kinds.flat()),
  };
}
