import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

/** The one accent: the green-blue of patinated metal. Shade 7 carries white text at 5.9:1. */
const verdigris: MantineColorsTuple = [
  '#e9f5f5',
  '#d5ebec',
  '#a9d7da',
  '#79c1c6',
  '#53aeb5',
  '#3c9fa8',
  '#188089',
  '#0b6b76',
  '#095a63',
  '#05464e',
];
/** Dark surfaces and their text, from the text (0) to the deepest surface (9). */
const graphite: MantineColorsTuple = [
  '#e6e7e9',
  '#c3c6ca',
  '#a6abb1',
  '#8d9299',
  '#4a4e54',
  '#35393e',
  '#2a2d31',
  '#1b1d1f',
  '#151718',
  '#0f1011',
];
const red: MantineColorsTuple = [
  '#fdeeee',
  '#f9dada',
  '#f1b3b3',
  '#ea8a8a',
  '#e36868',
  '#df5454',
  '#d13f3f',
  '#c02f2f',
  '#a92626',
  '#851d1d',
];

const MONO = 'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
const SANS =
  '"Inter Variable", -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif';

/** Sizes in rem, so that the browser's zoom and text size hold. */
export const theme = createTheme({
  primaryColor: 'verdigris',
  primaryShade: { light: 7, dark: 7 },
  colors: { verdigris, dark: graphite, red },
  fontFamily: SANS,
  fontFamilyMonospace: MONO,
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.55', xl: '1.6' },
  headings: {
    fontFamily: SANS,
    fontWeight: '600',
    sizes: { h1: { fontSize: '0.9375rem', lineHeight: '1.4' }, h2: { fontSize: '0.875rem', lineHeight: '1.4' } },
  },
  defaultRadius: 'md',
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '10px', xl: '14px' },
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  components: {
    Button: {
      defaultProps: { size: 'sm' },
      vars: () => ({ root: { '--button-height': '1.875rem', '--button-fz': '0.8125rem', '--button-padding-x': '0.75rem' } }),
    },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray', size: 28 } },
    Tooltip: { defaultProps: { openDelay: 400, transitionProps: { duration: 100 }, withArrow: false, offset: 6 } },
    Modal: {
      defaultProps: {
        centered: false,
        yOffset: '12vh',
        transitionProps: { duration: 120, transition: 'fade-down' },
        overlayProps: { backgroundOpacity: 0.35 },
      },
    },
    Menu: { defaultProps: { transitionProps: { duration: 90 }, offset: 4, shadow: undefined } },
    Popover: { defaultProps: { transitionProps: { duration: 90 }, offset: 6, shadow: undefined } },
    Input: { vars: () => ({ wrapper: { '--input-height': '1.875rem', '--input-fz': '0.8125rem' } }) },
    TextInput: { defaultProps: { size: 'sm' } },
    Textarea: { defaultProps: { size: 'sm' } },
    NumberInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm', comboboxProps: { transitionProps: { duration: 90 } } } },
    SegmentedControl: { defaultProps: { size: 'sm', transitionDuration: 120, withItemsBorders: false } },
  },
});

/** Mantine's own variables, led back to the tokens of tokens.css: every surface and line has one definition. */
export const cssVariables: CSSVariablesResolver = () => {
  const shared = {
    '--mantine-color-body': 'var(--surface)',
    '--mantine-color-text': 'var(--text)',
    '--mantine-color-dimmed': 'var(--text-2)',
    '--mantine-color-placeholder': 'var(--text-3)',
    '--mantine-color-error': 'var(--danger-text)',
    '--mantine-color-default': 'var(--raised)',
    '--mantine-color-default-hover': 'var(--hover)',
    '--mantine-color-default-border': 'var(--line-strong)',
    '--mantine-color-default-color': 'var(--text)',
    '--mantine-color-anchor': 'var(--accent-text)',
    '--mantine-color-gray-light-color': 'var(--text-2)',
    '--mantine-color-gray-light-hover': 'var(--active)',
    '--mantine-color-verdigris-text': 'var(--accent-text)',
    '--mantine-color-verdigris-filled': 'var(--accent)',
    '--mantine-color-verdigris-filled-hover': 'var(--accent-hover)',
    '--mantine-color-verdigris-light': 'var(--accent-soft)',
    '--mantine-color-verdigris-light-color': 'var(--accent-text)',
    '--mantine-color-verdigris-outline': 'var(--accent-text)',
    '--mantine-primary-color-filled': 'var(--accent)',
    '--mantine-primary-color-filled-hover': 'var(--accent-hover)',
  };
  return { variables: shared, light: shared, dark: shared };
};
