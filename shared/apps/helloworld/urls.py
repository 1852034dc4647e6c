"""The routes every example app has, and Django's admin."""

import json
import time

from django.contrib import admin
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

TEXT = 'text/plain; charset=utf-8'


@require_GET
def hello(request):
    return HttpResponse('Hello world from Django!\n', content_type=TEXT)


@require_POST
def json_view(request):
    return JsonResponse({'hello': json.loads(request.body)['name']})


@require_POST
def form(request):
    return HttpResponse(f'hello {request.POST["name"]}\n', content_type=TEXT)


@require_POST
def upload(request):
    return HttpResponse(f'{len(request.body)} bytes\n', content_type=TEXT)


@require_GET
def stream(request):
    def countdown():
        for n in (3, 2, 1):
            yield f'{n}\n'
            time.sleep(0.1)
        yield 'lift-off\n'

    return StreamingHttpResponse(countdown(), content_type=TEXT)


@require_GET
def cookies(request):
    response = HttpResponse('two cookies\n', content_type=TEXT)
    response.set_cookie('a', '1')
    response.set_cookie('b', '2')
    return response


@require_GET
def error(request):
    raise RuntimeError('this app was asked to fail')


urlpatterns = [
    path('hello', hello),
    path('json', json_view),
    path('form', form),
    path('upload', upload),
    path('stream', stream),
    path('cookies', cookies),
    path('error', error),
    path('admin/', admin.site.urls),
]
