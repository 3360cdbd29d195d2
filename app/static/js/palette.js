// The command palette (Ctrl/Cmd K) and the keyboard shortcuts.
export function startPalette() {}
