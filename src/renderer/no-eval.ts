import { config } from 'zod';

// The page's policy forbids code that is made at run time. zod would try it once, when the first schema is built, and be
// stopped in the console's plain sight: so this is said before any schema is there.
config({ jitless: true });
