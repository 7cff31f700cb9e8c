import re, pathlib, html
import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from benchmarks.dashboard.addresses import list_addresses
from scripts.demo import seed as seeding
pytestmark = pytest.mark.django_db
def text(s):
    s=re.sub(r"(?s)<(script|style|svg|nav|datalist)\b.*?</\1>","",s)
    s=re.sub(r"(?s)<select.*?</select>","[select]",s)
    s=re.sub(r"<(/?(tr|li|p|h\d|div|section|dt|thead|form|article))\b[^>]*>","\n",s)
    s=re.sub(r'<a [^>]*href="([^"]*)"[^>]*>',lambda m:"{"+m[1]+"}",s) if False else s
    s=re.sub(r"<[^>]+>"," ",s)
    return "\n".join(l for l in (re.sub(r"\s+"," ",html.unescape(x)).strip() for x in s.split("\n")) if l)
def test_dump():
    seeding.seed()
    root = get_user_model().objects.get(username="jonas.weber")
    root.is_superuser=True; root.is_staff=True; root.save()
    c=Client(); c.force_login(root)
    out=pathlib.Path("/tmp/exports/demo"); out.mkdir(exist_ok=True)
    for f in out.iterdir(): f.unlink()
    for n,a in enumerate(list_addresses(root)):
        if a.is_view or "export" in a.name: continue
        r=c.get(a.url)
        if r.streaming or r.status_code!=200: continue
        (out/f"{n:03}-{a.title.replace('/','_').replace(' ','-')[:60]}.txt").write_text(a.url+"\n"+text(r.content.decode()))
