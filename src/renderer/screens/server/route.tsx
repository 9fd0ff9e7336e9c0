import { createLazyRoute } from '@tanstack/react-router';
import { ServerScreen } from './screen.tsx';

export const route = createLazyRoute('/server')({ component: ServerScreen });
