import { createLazyRoute } from '@tanstack/react-router';
import { TrainingScreen } from './screen.tsx';

export const route = createLazyRoute('/training')({ component: TrainingScreen });
