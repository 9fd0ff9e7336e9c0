// Before all others: no schema may be built, and no module see the token in the address, before these.
import './no-eval.ts';
import './session.ts';

// Apart, so that the bundler cannot move any of it before the two above.
void import('./start.tsx');
