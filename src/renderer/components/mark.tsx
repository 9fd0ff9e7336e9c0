/** Lathe's mark: a turned piece seen along its axis, and the tool that cuts it. */
export function Mark({ size = 20 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden focusable="false">
      <rect width="24" height="24" rx="6" fill="var(--accent)" />
      <path fill="none" stroke="#fff" strokeWidth="2.1" strokeLinecap="round" d="M17.7 14.6A6.3 6.3 0 1 0 12 18.3" />
      <circle cx="12" cy="12" r="2.1" fill="#fff" />
      <path fill="#fff" d="m15.1 15.1 4.6 1.9-2.7 2.7z" />
    </svg>
  );
}
