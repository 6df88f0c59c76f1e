/**
 * What the user's project knows of its host, by our own names.
 *
 * Must not know: what it is used for; there is no code in here. The types of a host come from the DOM, from `@types/node`, from elsewhere or from
 * nowhere, and not all of them have all of it. A name that is missing is `any` below its `@ts-ignore`, and `Known` puts something in its place. To ask
 * `typeof globalThis` instead finds no classes, as which some hosts declare theirs.
 */

/** By its keys: of a name that is missing TypeScript asks nothing else, and all of it would be `any`. */
type Known<T, Otherwise> = string extends keyof T ? Otherwise : T

// @ts-ignore
type Signal = AbortSignal
// @ts-ignore
type PlainEvent = Event
// @ts-ignore
type EventWith<Detail> = CustomEvent<Detail>
// @ts-ignore
type Target = EventTarget
// @ts-ignore
type Url = URL
// @ts-ignore
type Fetch = typeof fetch
// @ts-ignore
type Module = WebAssembly.Module
// @ts-ignore
type Reply = Response

/** An `AbortSignal` of any host or library. */
export interface AbortSignalLike {
  readonly aborted: boolean
  readonly reason?: any
  addEventListener(type: 'abort', listener: (event: any) => void, options?: any): void
  removeEventListener(type: 'abort', listener: (event: any) => void, options?: any): void
}

/** An event where the project knows none. */
export interface EventLike {
  readonly type: string
  readonly target: any
  readonly currentTarget: any
  readonly timeStamp: number
  readonly defaultPrevented: boolean
  preventDefault(): void
  stopPropagation(): void
  stopImmediatePropagation(): void
}

/** An `EventTarget` where the project knows none. */
export interface EventTargetLike {
  addEventListener(type: string, listener: any, options?: any): void
  removeEventListener(type: string, listener: any, options?: any): void
  dispatchEvent(event: any): boolean
}

/** A URL where the project knows none. */
export interface URLLike {
  readonly href: string
  readonly origin: string
  readonly protocol: string
  readonly host: string
  readonly hostname: string
  readonly port: string
  readonly pathname: string
  readonly search: string
  readonly hash: string
}

/** A `Response` where the project knows none. */
export interface ResponseWithBytes {
  readonly ok: boolean
  readonly status: number
  readonly headers: any
  arrayBuffer(): Promise<ArrayBuffer>
}

/** A `fetch` of any host or library. */
export type FetchLike = (input: any, init?: any) => Promise<any>

/** The project's `AbortSignal`. */
export type HostAbortSignal = Known<Signal, AbortSignalLike>
/** The project's `Event`. */
export type HostEvent = Known<PlainEvent, EventLike>
/** The project's `EventTarget`. */
export type HostEventTarget = Known<Target, EventTargetLike>
/** The project's `URL`. */
export type HostURL = Known<Url, URLLike>
/** The project's `WebAssembly.Module`. */
export type HostModule = Known<Module, object>
/** The project's `Response`. */
export type HostResponse = Known<Reply, ResponseWithBytes>
/** Bytes: an `ArrayBuffer`, or an array of its bytes. */
export type HostBytes = ArrayBufferLike | ArrayBufferView
/** The type of the project's global `fetch`. */
export type HostFetch = Known<Fetch, FetchLike>

/** An event of a breaker: the project's `CustomEvent`, else its `Event`, with this `detail`. */
export type CircuitBreakerEvent<Detail> = Known<EventWith<Detail>, HostEvent & { readonly detail: Detail }>

type Disposes = SymbolConstructor extends { readonly dispose: infer D extends symbol } ? { [K in D]: () => void } : {}
/** What `using` asks for, in projects that know `Symbol.dispose`. */
export interface DisposableLike extends Disposes {}

export {}
