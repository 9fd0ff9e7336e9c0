import { createLazyRoute } from '@tanstack/react-router';
import { LibraryScreen } from './screen.tsx';

export const route = createLazyRoute('/library')({ component: LibraryScreen });
