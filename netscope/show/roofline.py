"""The page of a roofline: as a profile's, of the least time that each layer takes."""

from netscope.show.profile import page as page
