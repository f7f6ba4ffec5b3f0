// 51 payloads, as varied as those of a real worker.
import { z } from "zod";

const money = z.object({ amount: z.number(), currency: z.string().length(3).regex(/^[A-Z]{3}$/).meta({ examples: ["EUR"] }) });
const address = z.object({ street: z.string().min(1), city: z.string(), zip: z.string().optional(), country: z.enum(["SE", "DE", "US"]) });
const Category = z.object({ name: z.string(), get children() { return z.array(Category).optional(); } }).meta({ id: "Category" });
const Money = money.meta({ id: "Money" });
const page = (item) => z.object({ items: z.array(item), next: z.string().nullable() });
const file = z.object({ path: z.array(z.string()).min(1), mimetype: z.string(), size: z.int().nonnegative() });

const payloads = {
  "process-attachment": z.object({ teamId: z.uuid(), filePath: z.array(z.string()), mimetype: z.string() }),
  "classify-document": z.object({ content: z.string(), fileName: z.string().optional(), teamId: z.uuid() }),
  "embed-document": z.object({ documentId: z.uuid(), chunk: z.int().min(0), total: z.int().min(1) }),
  "sync-account": z.object({ id: z.uuid(), provider: z.enum(["gocardless", "plaid", "teller"]), manual: z.boolean().optional() }),
  "sync-connection": z.object({ connectionId: z.uuid(), force: z.boolean().default(false) }),
  "upsert-transactions": z.object({ teamId: z.uuid(), transactions: z.array(z.object({ id: z.string(), amount: z.number(), date: z.iso.date(), description: z.string().nullable() })).max(500) }),
  "match-transaction": z.object({ transactionId: z.uuid(), score: z.number().min(0).max(1) }),
  "export-transactions": z.object({ ids: z.array(z.uuid()).min(1), locale: z.string(), dateFormat: z.string().nullish() }),
  "invite-member": z.object({ teamId: z.uuid(), invites: z.array(z.object({ email: z.email(), role: z.literal(["owner", "member"]) })) }),
  "welcome-email": z.object({ email: z.email(), fullName: z.string().max(80) }),
  "invoice-reminder": z.object({ invoiceId: z.uuid(), due: z.iso.datetime() }),
  "invoice-paid": z.object({ invoiceId: z.uuid(), paidAt: z.iso.datetime({ offset: true }), total: money }),
  "generate-invoice": z.object({ invoiceId: z.uuid(), deliveryType: z.enum(["create", "create_and_send"]) }),
  "schedule-invoice": z.object({ at: z.iso.datetime({ local: true }), every: z.iso.duration().optional() }),
  "exchange-rates": z.record(z.string(), z.number()),
  "rate-table": z.object({ base: z.string(), rates: z.record(z.enum(["EUR", "USD"]), z.number()) }),
  "partial-rates": z.object({ rates: z.partialRecord(z.enum(["EUR", "USD"]), z.number()) }),
  "index-category": Category,
  "price-list": z.object({ category: Category, prices: z.array(Money) }),
  "notify": z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("email"), to: z.email() }),
    z.object({ kind: z.literal("push"), token: z.string(), badge: z.int().optional() }),
    z.object({ kind: z.literal("sms"), number: z.e164() }),
  ]),
  "notify-many": z.object({ notices: z.array(z.discriminatedUnion("type", [z.object({ type: z.literal("a"), n: z.number() }), z.object({ type: z.literal("b"), s: z.string() })])) }),
  "search": z.object({ query: z.union([z.string(), z.array(z.string())]), limit: z.int().min(1).max(100).optional() }),
  "text-or-number": z.union([z.string(), z.number(), z.null()]),
  "list-of-ids": z.array(z.int()).max(5),
  "plain-text": z.string().min(2),
  "flag": z.boolean(),
  "coordinates": z.tuple([z.number(), z.number()]),
  "range": z.object({ span: z.tuple([z.iso.date(), z.iso.date()]), closed: z.boolean() }),
  "strict-settings": z.strictObject({ theme: z.enum(["dark", "light"]), size: z.int().optional() }),
  "loose-event": z.looseObject({ event: z.string() }),
  "counts-by-name": z.object({ total: z.int() }).catchall(z.int()),
  "merged": z.intersection(z.object({ a: z.string() }), z.object({ b: z.int() })),
  "extended": address.extend({ note: z.string().max(20).nullable() }),
  "picked": address.pick({ city: true, country: true }),
  "partial-address": address.partial(),
  "page-of-files": page(file),
  "page-of-money": page(money),
  "nested": z.object({ a: z.object({ b: z.object({ c: z.array(z.object({ d: z.int().nullable() })) }) }) }),
  "ip-rules": z.object({ v4: z.ipv4(), v6: z.ipv6().optional() }),
  "hook": z.object({ id: z.string().startsWith("whk_").meta({ examples: ["whk_1"] }), attempt: z.int().positive() }),
  "slug": z.object({ slug: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/).meta({ examples: ["a-b"] }) }),
  "code": z.object({ code: z.string().regex(/^(?!0)\d{4}$/).meta({ examples: ["1234"] }) }),
  "steps": z.object({ quantity: z.number().multipleOf(0.5), stock: z.int().min(0).max(1_000).multipleOf(10) }),
  "bounds": z.object({ low: z.number().gt(0), high: z.number().lt(100), whole: z.int32() }),
  "blob": z.object({ data: z.base64().meta({ examples: ["YWJj"] }), hash: z.string().length(4) }),
  "anything": z.object({ payload: z.unknown(), extra: z.any().optional() }),
  "nothing": z.null(),
  "literals": z.object({ version: z.literal(2), mode: z.literal(["r", 3, null]) }),
  "snake_case": z.object({ user_id: z.string(), userName: z.string(), "x-trace": z.string().optional(), class: z.string() }),
  "refined": z.object({ password: z.string().refine((text) => text.length % 2 === 0), n: z.number() }),
  "changed": z.object({ name: z.string().trim().toLowerCase(), at: z.coerce.number(), size: z.string().transform(Number), tag: z.number().catch(1), raw: z.preprocess((value) => value, z.string()), day: z.date().optional() }),
};

export const jobs = Object.fromEntries(Object.entries(payloads).map(([name, payload]) => [name, { queue: "work", payload }]));
