// What an ACL of Redis has to let a fleet's user do. docs/fleet.md says the same, and clients.test.js that each of them is needed.
export const RIGHTS = '~hf1:{shop}:* &hf1:{shop}:chg -@all +evalsha +eval +time +hmget +hget +hset +hdel +hlen +del +zadd +zrem +zcard +zrangebyscore +pexpire +publish +subscribe +unsubscribe'
