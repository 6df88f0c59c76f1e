// The published declarations themselves, as TypeScript reads them: which names they export, and which they need. It must not know what the names mean.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const ts = createRequire(import.meta.url)('typescript5.9')
const pkg = fileURLToPath(new URL('../../../pkg', import.meta.url))
const { exports } = JSON.parse(readFileSync(join(pkg, 'package.json'), 'utf8'))
const entries = Object.values(exports).flatMap((entry) => (entry.import ? [join(pkg, entry.import.types)] : []))

const program = ts.createProgram(entries, { target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], module: ts.ModuleKind.Node16, types: [], strict: true })
const checker = program.getTypeChecker()
const real = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)
const isOurs = ({ declarations = [] }) => declarations.some((declaration) => declaration.getSourceFile().fileName.startsWith(pkg))
/** Whether a symbol is a declaration of its file, such as a class or a type, rather than a member or a parameter. */
const isOfItsFile = ({ declarations }) => declarations.some(({ parent, parent: { parent: statement } }) => ts.isSourceFile(parent) || ts.isVariableStatement(statement ?? parent))

/** What the entries export, by its symbol. */
const exported = new Map(entries.flatMap((path) => checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path))).map((symbol) => [real(symbol), symbol.name])))

/** What the exported values need, and what that needs, and so on: each symbol with who needs it. */
const needed = new Map()
/** Members that may be left out, but not be undefined. */
const strict = []

/** Walks a symbol's declarations. */
function walk(symbol) {
  for (const declaration of symbol.declarations) visit(declaration, symbol)
}

function visit(node, owner) {
  if (ts.isPropertySignature(node) && node.questionToken && !allowsUndefined(node.type)) strict.push(`${owner.name}: ${node.getText()}`)
  if (ts.isIdentifier(node)) {
    const found = checker.getSymbolAtLocation(node)
    const symbol = found && real(found)
    if (symbol?.declarations && isOurs(symbol) && isOfItsFile(symbol) && !needed.has(symbol) && symbol !== owner) {
      // What a class extends has no name of its own for users: its members are the class's.
      const isBase = ts.isExpressionWithTypeArguments(node.parent) && node.parent.expression === node
      needed.set(symbol, { owner, isBase })
      walk(symbol)
    }
  }
  ts.forEachChild(node, (child) => visit(child, owner))
}

const allowsUndefined = (type) =>
  [ts.SyntaxKind.AnyKeyword, ts.SyntaxKind.UnknownKeyword, ts.SyntaxKind.UndefinedKeyword].includes(type.kind) ||
  (ts.isUnionTypeNode(type) && type.types.some(allowsUndefined))

const isValue = ({ flags }) => (flags & ts.SymbolFlags.Value) !== 0
const values = [...exported.keys()].filter(isValue)
for (const symbol of values) walk(symbol)

/** Whether the file of a symbol keeps it to itself: then TypeScript writes down what it stands for. */
const isLocal = ({ declarations: [declaration] }) => (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export) === 0

describe('The declarations', () => {
  it('are read at all', () => {
    assert.ok(values.length > 10, String(values.length))
    assert.ok(needed.size > 30, String(needed.size))
  })

  it('export each type that a public signature names', () => {
    const hidden = [...needed].filter(([symbol, { isBase }]) => !isBase && !isLocal(symbol) && !exported.has(symbol))
    assert.deepEqual(hidden.map(([symbol, { owner }]) => `${symbol.name}, needed by ${owner.name}`), [])
  })

  it('have each class, function and event in a file of a user', () => {
    const service = readFileSync(new URL('users/service.ts', import.meta.url), 'utf8')
    const events = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol([...exported.keys()].find(({ name }) => name === 'CircuitBreakerEventMap')))
    assert.ok(events.length > 5)
    const members = ['CircuitBreaker', 'CircuitBreakerRegistry', 'CallPermit', 'ManualClock'].flatMap((name) => {
      const [symbol] = [...exported].find(([, other]) => other === name)
      return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol)).filter(isOurs).map((member) => member.name)
    })
    assert.ok(members.length > 40)
    const names = [...values, ...events].map(({ name }) => name).concat(members.filter((name) => !/^(__|#)/.test(name)))
    assert.deepEqual(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(service)), [])
  })

  it('export no type that no public signature names', () => {
    assert.deepEqual([...exported].filter(([symbol]) => !isValue(symbol) && !needed.has(symbol)).map(([, name]) => name), [])
  })

  it('take undefined for each member that may be left out', () => assert.deepEqual(strict, []))

  it('have nothing internal in them', () => {
    const files = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(pkg))
    assert.ok(files.length > 10)
    assert.deepEqual(files.filter(({ text }) => text.includes('@internal')).map(({ fileName }) => fileName), [])
    assert.deepEqual(files.filter(({ text }) => /<reference /.test(text)).map(({ fileName }) => fileName), [])
  })
})
