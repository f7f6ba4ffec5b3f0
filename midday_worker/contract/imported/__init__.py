"""What Node owns: jobs whose zod schemas become declarations of ours."""
