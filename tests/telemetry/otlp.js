// A collector of our own: a server on this machine that takes OTLP over HTTP, as JSON and as protobuf, and keeps what came in one form. It must not know what
// is counted.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { gunzipSync } from 'node:zlib'

/**
 * @typedef {{ name: string, unit: string, kind: 'sum' | 'histogram', isMonotonic?: boolean, points: { attributes: Record<string, string>, value?: number, count?: number,
 *   sum?: number, counts?: number[], bounds?: number[] }[] }} Metric
 */

/** Starts it: `received` has the metrics of each request, in the order in which they came. */
export async function startCollector() {
  /** @type {Metric[][]} */
  const received = []
  const types = new Set()
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(Buffer.concat(chunks)) : Buffer.concat(chunks)
    const type = request.headers['content-type']
    types.add(type)
    try {
      received.push(type === 'application/json' ? fromJSON(JSON.parse(body.toString())) : fromProtobuf(body))
      response.writeHead(200, { 'content-type': type }).end(type === 'application/json' ? '{}' : '')
    } catch (error) {
      received.push(error)
      response.writeHead(400).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    received, types,
    url: `http://127.0.0.1:${server.address().port}/v1/metrics`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

const attributesOf = (list) => Object.fromEntries(list.map(({ key, value }) => [key, value.stringValue]))

function fromJSON({ resourceMetrics }) {
  return resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics)).map(({ name, unit, sum, histogram }) => ({
    name, unit,
    ...(sum && { kind: 'sum', isMonotonic: sum.isMonotonic === true, points: sum.dataPoints.map(({ attributes, asDouble, asInt }) => ({ attributes: attributesOf(attributes), value: Number(asDouble ?? asInt) })) }),
    ...(histogram && {
      kind: 'histogram',
      points: histogram.dataPoints.map(({ attributes, count, sum, bucketCounts, explicitBounds }) => (
        { attributes: attributesOf(attributes), count: Number(count), sum, counts: bucketCounts.map(Number), bounds: explicitBounds }
      ))
    })
  }))
}

/** The fields of a message, by their numbers: each a list of what came, bytes or a 64-bit number. */
function fieldsOf(bytes) {
  const fields = new Map()
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = Number(varint())
    const [field, kind] = [key >> 3, key & 7]
    let value
    if (kind === 0) value = varint()
    else if (kind === 1) value = bytes.subarray(at, (at += 8))
    else if (kind === 2) {
      const length = Number(varint())
      value = bytes.subarray(at, (at += length))
    } else if (kind === 5) value = bytes.subarray(at, (at += 4))
    else throw new Error(`a field of kind ${kind}`)
    fields.set(field, [...(fields.get(field) ?? []), value])
  }
  return (field) => fields.get(field) ?? []
}

const double = (bytes) => bytes.readDoubleLE(0)
const fixed = (bytes) => Number(bytes.readBigInt64LE(0))
const packed = (read) => (bytes) => Array.from({ length: bytes.length / 8 }, (_, index) => read(bytes.subarray(8 * index, 8 * index + 8)))
const pairs = (list) => Object.fromEntries(list.map(fieldsOf).map((pair) => [String(pair(1)[0]), String(fieldsOf(pair(2)[0])(1)[0])]))

/** By the numbers of opentelemetry/proto/metrics/v1/metrics.proto. */
function fromProtobuf(bytes) {
  const metrics = fieldsOf(bytes)(1).map(fieldsOf).flatMap((resource) => resource(2).map(fieldsOf).flatMap((scope) => scope(2).map(fieldsOf)))
  return metrics.map((metric) => {
    const [sum, histogram] = [metric(7)[0], metric(9)[0]].map((one) => one && fieldsOf(one))
    return {
      name: String(metric(1)[0]),
      unit: String(metric(3)[0]),
      ...(sum && {
        kind: 'sum', isMonotonic: sum(3)[0] === 1n,
        points: sum(1).map(fieldsOf).map((point) => ({ attributes: pairs(point(7)), value: point(4).map(double)[0] ?? fixed(point(6)[0]) }))
      }),
      ...(histogram && {
        kind: 'histogram',
        points: histogram(1).map(fieldsOf).map((point) => (
          { attributes: pairs(point(9)), count: fixed(point(4)[0]), sum: double(point(5)[0]), counts: point(6).flatMap(packed(fixed)), bounds: point(7).flatMap(packed(double)) }
        ))
      })
    }
  })
}
