"""What the conformance and fault tests share: starting servers, raw protocol clients, load and its checker."""
