"""A copy of what a forward may write to, so that the forward never has the owner's own.

`Copier` copies a module, its arguments and every plain object that they reach, once each, so that what was
shared stays shared. Tensors are given to a function, which makes their twins for the rung (`tensors`).
Nothing of the owner's is called or written to: objects are copied by their state, whatever their class says
of copying. What cannot be copied is shared, and watched (`shared`).
"""
