import { createLazyRoute } from '@tanstack/react-router';
import { AdaptersScreen } from './screen.tsx';

export const route = createLazyRoute('/adapters')({ component: AdaptersScreen });
