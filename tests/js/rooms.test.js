// The rooms of js/: who imports whom. It must not know what is in them.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const JS = fileURLToPath(new URL('../../js/', import.meta.url))

/** The files below a folder, without those that the build writes. */
function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'generated') return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? files(path) : [path]
  })
}

/** A map of each node to those that it leads to, out of pairs; a pair of a node with itself is left out. */
function graph(pairs) {
  const arrows = new Map()
  for (const [from, to] of pairs) {
    if (!arrows.has(from)) arrows.set(from, new Set())
    if (from !== to) arrows.get(from).add(to)
  }
  return arrows
}

/** A circle in a graph, as its nodes; undefined where there is none. */
function circle(arrows) {
  const over = new Set()
  const visit = (node, way) => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node]
    if (over.has(node)) return undefined
    for (const next of arrows.get(node) ?? []) {
      const found = visit(next, [...way, node])
      if (found !== undefined) return found
    }
    over.add(node)
    return undefined
  }
  for (const node of arrows.keys()) {
    const found = visit(node, [])
    if (found !== undefined) return found
  }
  return undefined
}

/** What imports what at run time, as paths below js/. The types of a file are words, which any room may use. */
const imports = files(JS).flatMap((path) => {
  const code = readFileSync(path, 'utf8').replace(/\/\*\*[^]*?\*\//g, '')
  return [...code.matchAll(/^(?:import|export|\}).* from '(\.[^']+)'$/gm)].map(([, to]) => [relative(JS, path), relative(JS, resolve(dirname(path), to))])
})

describe('The rooms of js/', () => {
  it('are read at all', () => assert.ok(imports.length > 80, String(imports.length)))

  it('hold no circle of files', () => assert.equal(circle(graph(imports)), undefined))

  it('hold no circle of folders', () => {
    assert.equal(circle(graph(imports.map(([from, to]) => [dirname(from), dirname(to)]))), undefined)
  })
})

describe('The search for circles', () => {
  it('finds one', () => assert.deepEqual(circle(graph([['a', 'b'], ['b', 'c'], ['c', 'b']])), ['b', 'c', 'b']))
  it('takes two ways to one place for none', () => assert.equal(circle(graph([['a', 'b'], ['a', 'c'], ['b', 'd'], ['c', 'd']])), undefined))
})
