"""What is made of contracts for TypeScript: types, zod schemas, and a producer."""
