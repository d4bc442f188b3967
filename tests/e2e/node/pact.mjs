// A consumer of messages, tested with @pact-foundation/pact as it is; then the provider, verified from the broker.
//   node pact.mjs consume FOLDER             writes the pact of `node shop` with `node api` into FOLDER
//   node pact.mjs verify BROKER VERSION QTY  verifies `node api`, whose events carry QTY, and publishes the result
import { Matchers, MessageConsumerPact, MessageProviderPact, providerWithMetadata } from "@pact-foundation/pact";

const [verb, ...given] = process.argv.slice(2);

if (verb === "consume") {
  const pact = new MessageConsumerPact({
    consumer: "node shop é",
    provider: "node api+",
    dir: given[0],
    logLevel: "error",
  });
  await pact
    .given("an order exists")
    .expectsToReceive("an order event")
    .withContent({ id: Matchers.like("A1"), lines: Matchers.eachLike({ qty: Matchers.integer(2) }) })
    .withMetadata({ topic: "orders" })
    .verify(async (message) => {
      const total = message.contents.lines.reduce((sum, line) => sum + line.qty, 0);
      if (total !== 2) throw new Error(`read ${total}`);
    });
} else {
  const [brokerUrl, version, quantity] = given;
  const provider = new MessageProviderPact({
    provider: "node api+",
    pactBrokerUrl: brokerUrl,
    providerVersion: version,
    providerVersionBranch: "main",
    publishVerificationResult: true,
    consumerVersionSelectors: [{ mainBranch: true }, { deployedOrReleased: true }],
    logLevel: "error",
    stateHandlers: { "an order exists": async () => {} },
    messageProviders: {
      "an order event": providerWithMetadata(async () => ({ id: "B2", lines: [{ qty: JSON.parse(quantity) }] }), {
        topic: "orders",
      }),
    },
  });
  await provider.verify().then(
    () => console.log(JSON.stringify({ verified: true })),
    () => console.log(JSON.stringify({ verified: false })),
  );
}
process.exit(0);
