import { createLazyRoute } from '@tanstack/react-router';
import { BenchmarkScreen } from './screen.tsx';

export const route = createLazyRoute('/benchmark')({ component: BenchmarkScreen });
