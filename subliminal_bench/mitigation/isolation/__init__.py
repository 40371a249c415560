"""Isolated mitigations: each in a process that receives only what hooks may see.

The trainer, the audit digits and all measuring stay outside. `docs/threat-model.md` says what
this stops and what it does not.

    confinement  what the process may use, and how it gives up the rest
    messages     what it may answer
    channel      messages and tensors between the two processes
    child        the program that runs there
    service      its answers
    logits       the student's logits in a process that did not compute them
    process      starting it, asking it, ending it
    proxy        the calls as the trainer sees them

Nothing is imported here: the program gives things up before torch is loaded.
"""
