"""A mitigation in a process of its own, which gets what its hooks may see and nothing else.

The trainer, the audit digits and all measures stay here. `docs/threat-model.md` says what this
stops and what it does not.

    limits     what the process may use, and how it gives the rest up
    guard      no further processes, no network: said in Python's own terms
    messages   what it may answer
    channel    messages and tensors between the two
    child      the program that runs there
    service    its answers
    logits     the student's logits where nobody computed them
    process    starting it, asking it, ending it
    mitigation the calls as the trainer sees them

Nothing is imported here: the program gives things up before torch is loaded.
"""
