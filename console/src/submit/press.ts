/** What moves things on the page waits while somebody presses one: else the press would miss it. */

let pressed = false
window.addEventListener('pointerdown', () => (pressed = true), true)
for (const ended of ['pointerup', 'pointercancel']) window.addEventListener(ended, () => (pressed = false), true)

/** At once, or when the press that is under way is over. */
export function afterPress(act: () => void): void {
    if (!pressed) act()
    else window.addEventListener('pointerup', () => setTimeout(act), { once: true })
}
