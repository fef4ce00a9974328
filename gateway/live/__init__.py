"""Real time: subscriptions over unmodified systems. What is watched is read again and again, once for all who watch the
same; what each one is sent went through the same decisions, plan and ledger as any answer."""
