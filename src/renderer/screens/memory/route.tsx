import { createLazyRoute } from '@tanstack/react-router';
import { MemoryScreen } from './screen.tsx';

export const route = createLazyRoute('/memory')({ component: MemoryScreen });
