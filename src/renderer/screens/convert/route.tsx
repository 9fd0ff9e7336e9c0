import { createLazyRoute } from '@tanstack/react-router';
import { ConvertScreen } from './screen.tsx';

export const route = createLazyRoute('/convert')({ component: ConvertScreen });
