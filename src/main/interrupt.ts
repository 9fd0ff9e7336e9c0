/** A second Ctrl+C this soon is the same one: it reaches the program both from the terminal and from whoever started it. */
const SAME_INTERRUPT_MS = 500;

/**
 * Aborts when the process is asked to end: Ctrl+C, `kill`, or a closed terminal. Asked again, it ends at once: what hangs must
 * not hold the user.
 */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  let firstMs: number | undefined;
  const interrupt = (): void => {
    if (firstMs === undefined) {
      firstMs = performance.now();
      controller.abort();
    } else if (performance.now() - firstMs > SAME_INTERRUPT_MS) process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  return controller.signal;
}
