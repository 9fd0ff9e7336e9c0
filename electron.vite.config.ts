import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';
import mantine from 'postcss-preset-mantine';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * Libraries of the first screen, one file for each, so that an update of one leaves the others in the browser's cache and
 * what only some screens use (highlighting, formulas, charts) stays out of the first load.
 */
const LIBRARY_GROUPS = [
  { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/, priority: 3 },
  { name: 'mantine', test: /node_modules[\\/](@mantine|@floating-ui)[\\/]/, priority: 2 },
  { name: 'tanstack', test: /node_modules[\\/]@tanstack[\\/]/, priority: 2 },
];

export default defineConfig({
  main: {
    build: {
      outDir: at('out/main'),
      rolldownOptions: {
        input: {
          index: at('src/main/index.ts'),
          serve: at('src/main/serve.ts'),
          cli: at('src/main/cli.ts'),
          engine: at('src/engine/index.ts'),
          'template-worker': at('src/engine/inference/template-worker.ts'),
          'parquet-worker': at('src/engine/parquet/parquet-worker.ts'),
        },
      },
    },
  },
  preload: {
    build: {
      outDir: at('out/preload'),
      // A sandboxed preload cannot be an ES module.
      rolldownOptions: { input: { index: at('src/preload/index.ts') }, output: { format: 'cjs', entryFileNames: '[name].cjs' } },
    },
  },
  renderer: {
    root: at('src/renderer'),
    plugins: [react()],
    css: { postcss: { plugins: [mantine()] } },
    build: {
      outDir: at('out/renderer'),
      // electron-vite leaves pages as they are, for they come from the disk; over a socket half the size is half the wait.
      minify: true,
      rolldownOptions: { input: at('src/renderer/index.html'), output: { codeSplitting: { groups: LIBRARY_GROUPS } } },
      // Fonts as files: the page's content security policy has no `data:` for them.
      assetsInlineLimit: (file) => (/\.(woff2?|ttf)$/.test(file) ? false : undefined),
    },
  },
});
