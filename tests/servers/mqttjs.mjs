// Publish one message at QoS 1 with the npm package mqtt: node mqttjs.mjs URL TOPIC BODY
import { connectAsync } from 'mqtt'

const [url, topic, body] = process.argv.slice(2)
const client = await connectAsync(url)
await client.publishAsync(topic, body, { qos: 1 })
await client.endAsync()
