/** A time that is only estimated, without the digits that nobody knows: full minutes, below two of them five seconds each. */
export function roundTime(durationMs: number): number {
  const unitMs = durationMs >= 120_000 ? 60_000 : 5000;
  return Math.max(unitMs, Math.round(durationMs / unitMs) * unitMs);
}
