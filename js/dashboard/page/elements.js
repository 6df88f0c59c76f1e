/**
 * Makes elements and writes into them, as little as possible. Text goes in as text, always: there is no HTML in here.
 *
 * Must not know: what the elements are for.
 */

const SVG = 'http://www.w3.org/2000/svg'

/**
 * An element with a class, and with these in it. Strings become text.
 *
 * @param {string} tag
 * @param {string} [className]
 * @param {(Node | string)[]} inside
 * @returns {HTMLElement}
 */
export function make(tag, className, ...inside) {
  const element = document.createElement(tag)
  if (className) element.className = className
  element.append(...inside)
  return element
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {Element[]} inside
 * @returns {SVGElement}
 */
export function draw(tag, attributes, ...inside) {
  const element = /** @type {SVGElement} */ (document.createElementNS(SVG, tag))
  for (const name of Object.keys(attributes)) element.setAttribute(name, attributes[name])
  element.append(...inside)
  return element
}

/**
 * A place for text, which is written only where it is another one.
 *
 * @param {Element} element
 */
export function slot(element) {
  let written = element.textContent
  return (/** @type {string} */ text) => {
    if (text === written) return
    element.textContent = written = text
  }
}

/**
 * The same for an attribute; `undefined` takes it away.
 *
 * @param {Element} element
 * @param {string} name
 */
export function mark(element, name) {
  let written = element.getAttribute(name) ?? undefined
  return (/** @type {string | undefined} */ value) => {
    if (value === written) return
    if (value === undefined) element.removeAttribute(name)
    else element.setAttribute(name, value)
    written = value
  }
}
