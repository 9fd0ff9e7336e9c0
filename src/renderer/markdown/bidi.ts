/**
 * Marks that change the direction of what follows, unseen: in code they can make one thing look like another (CVE-2021-42574).
 * They are shown by their number; what is copied has them as they were.
 */
const BIDI = /[\u202A-\u202E\u2066-\u2069\u200E\u200F\u061C]/g;

export const showBidi = (code: string): string =>
  code.replace(BIDI, (mark) => `⟨U+${(mark.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
