"""Isolated mitigations: each in a process that receives only what hooks may see.

The trainer, the audit digits and all measurements stay outside. `docs/threat-model.md` says
what isolation prevents and what it does not.

    bubblewrap   runs the process in a sandbox, where the machine allows that
    root         the files that are seen in a sandbox
    system_calls the calls that are refused in a sandbox
    confinement  the limits of the process, and how it gives up everything else
    output       what the process prints, on its way to a terminal
    messages     the replies that the process may send
    channel      messages and tensors between the two processes
    child        the program that the process runs
    service      answers the trainer's requests in the process
    late_images  the images of a step, which only come if somebody looks at them
    logits       the student's logits in a process that did not compute them
    process      starts the process, sends it requests and ends it
    proxy        the hook calls as the trainer sees them

Nothing is imported here, because the program confines itself before it loads torch.
"""
