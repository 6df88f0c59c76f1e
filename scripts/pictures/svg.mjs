// What the pictures share: one set of colours for light and dark, one kind of text, the frame. It must not know what they show.

/** Pale and dark variants of each colour. Blue, pale blue and orange differ in lightness too, for those who see few colours. */
const COLORS = {
  paper: ['#ffffff', '#0d1117'],
  frame: ['#d0d7de', '#30363d'],
  text: ['#1f2328', '#f0f6fc'],
  muted: ['#59636e', '#9198a1'],
  grid: ['#e4e8ec', '#262c34'],
  sick: ['#fff1e5', '#2e1f14'],
  upstream: ['#0067b0', '#2f81e0'],
  fallback: ['#8cbfe8', '#9ccdf7'],
  errors: ['#d55e00', '#f0803c'],
  closed: ['#0067b0', '#2f81e0'],
  open: ['#59636e', '#9198a1'],
  half_open: ['#e3b341', '#e3b341'],
  onColor: ['#ffffff', '#0d1117'],
  onHalfOpen: ['#1f2328', '#1f2328'],
}

const rules = (/** @type {0 | 1} */ variant) =>
  Object.entries(COLORS)
    .map(([name, variants]) => `.${name}{fill:${variants[variant]}}.line-${name}{stroke:${variants[variant]}}`)
    .join('')

const STYLE = [
  `text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}`,
  `.small{font-size:12px}.tiny{font-size:11px}.bold{font-weight:600}.code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}`,
  `.middle{text-anchor:middle}.end{text-anchor:end}.hollow{fill:none}`,
  rules(0),
  `@media(prefers-color-scheme:dark){${rules(1)}}`,
].join('\n')

/** A number as short as it can be without anybody seeing it. */
export const n = (/** @type {number} */ value) => String(Math.round(value * 10) / 10)

export const text = (/** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ classes, /** @type {string} */ content) =>
  `<text x="${n(x)}" y="${n(y)}" class="${classes}">${escaped(content)}</text>`

export const rect = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ width, /** @type {number} */ height, /** @type {string} */ classes, more = '') =>
  `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" class="${classes}"${more && ` ${more}`}/>`

export const path = (/** @type {string} */ d, /** @type {string} */ classes, more = '') => `<path d="${d}" class="hollow ${classes}"${more && ` ${more}`}/>`

/** What a kind of mark stands for, at the head of a picture. */
export const key = (/** @type {number} */ x, /** @type {string} */ kind, /** @type {string} */ name) => [rect(x, 22, 14, 14, kind, 'rx="2"'), text(x + 21, 34, 'text', name)]

/**
 * The whole file. It has a ground of its own, so that it can be read on any page.
 *
 * @param {{ width: number, height: number, title: string, description: string, defs?: string }} frame
 * @param {string[]} parts
 */
export function svg({ width, height, title, description, defs = '' }, parts) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    `<style>\n${STYLE}\n</style>`,
    ...(defs === '' ? [] : [`<defs>${defs}</defs>`]),
    rect(0.5, 0.5, width - 1, height - 1, 'paper line-frame', 'rx="8"'),
    ...parts,
    '</svg>\n',
  ].join('\n')
}

const escaped = (/** @type {string} */ content) => content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
